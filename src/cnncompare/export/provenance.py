"""Class names, origin and input of an exported network, as its file stores them."""

import shlex
from dataclasses import dataclass

import cnncompare
from cnncompare.inference.saved_settings import SavedSettings
from cnncompare.runs.record import EnvironmentSection
from cnncompare.runs.run import Run
from cnncompare.system import strict_json

VERSIONS = ("python", "torch", "torchvision", "pytorch_lightning", "cnncompare")  # of the run


@dataclass(frozen=True)
class Provenance:
    """A finished run with its settings."""

    run: Run
    settings: SavedSettings

    @property
    def command(self) -> str:
        """The command that trained or tested the network, empty if it was not recorded."""
        environment = self.run.record.environment
        return shlex.join(environment.argv) if environment else ""

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the software that trained or tested the network, by name."""
        environment = self.run.record.environment
        return _versions(environment) if environment else {}

    @property
    def channels(self) -> str:
        """The order of the input's channels."""
        return {1: "grey", 3: "RGB"}.get(self.settings.built.input_size[0], "as in the data")

    def metadata(self, *, normalizes: bool) -> dict[str, str]:
        """Return the texts to store; values that are not texts are JSON.

        Without `normalizes`, the network takes normalised images.
        """
        record, protocol = self.run.record, self.settings.protocol
        pixels = "pixels in [0, 1]" if normalizes else "(pixels in [0, 1] - mean) / std"
        values = {
            "run": record.id,
            "config_hash": record.config_hash,
            "model": self.settings.built.name,
            "data": self.settings.images.name,
            "fingerprint": self.settings.images.fingerprint,
            "class_names": self.settings.classes,
            "input": f"float32 [N, C, H, W], {pixels}, {self.channels}",
            "input_size": self.settings.built.input_size,
            "mean": protocol.mean,
            "std": protocol.std,
            "acc1": record.test.acc1,
            "n_test": record.test.n,
            "versions": self.versions,
            "command": self.command,
            "exported_by": f"cnncompare {cnncompare.__version__}",
        }
        return {
            key: value if isinstance(value, str) else strict_json.dumps(value)
            for key, value in values.items()
        }


def _versions(environment: EnvironmentSection) -> dict[str, str]:
    return {name: getattr(environment, name) for name in VERSIONS}
