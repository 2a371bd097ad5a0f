"""The data set that the configuration selects."""

from cnncompare.config.data import DataConfig
from cnncompare.data.source import Source
from cnncompare.data.sources.arrays import load_arrays
from cnncompare.data.sources.digits import load_digits
from cnncompare.data.sources.folder import load_folder
from cnncompare.data.sources.imagenet.validation_set import load_imagenet
from cnncompare.data.sources.own import load_own
from cnncompare.data.sources.parquet import load_parquet
from cnncompare.data.sources.synthetic import load_synthetic
from cnncompare.data.sources.torchvision_sets import load_torchvision
from cnncompare.errors import DataError
from cnncompare.models.pretrained.transforms import Transform


def load_source(config: DataConfig, transform: Transform | None = None) -> Source:
    """Return the data set selected by `data.source`; only ImageNet needs `transform`."""
    match config.source:
        case "imagenet":
            assert transform is not None
            return load_imagenet(config, transform)
        case "digits":
            return load_digits()
        case "synthetic":
            if config.synthetic is None:
                raise DataError("source=synthetic needs data.synthetic; use data=synthetic")
            return load_synthetic(config.synthetic)
        case "folder":
            return load_folder(config)
        case "arrays":
            return load_arrays(config)
        case "parquet":
            return load_parquet(config)
        case "torchvision":
            return load_torchvision(config)
        case _:
            return load_own(config)
