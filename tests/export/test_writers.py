"""The same network is written to the same bytes."""

import torch
from safetensors import safe_open
from safetensors.torch import load, save

from cnncompare.export.writers import with_sorted_metadata


def test_a_safetensors_file_does_not_depend_on_the_order_of_its_metadata(tmp_path: object) -> None:
    tensors = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor([1, 2, 3])}
    metadata = {f"key{k}": f"Wert {k} \u00e4\u00f6" for k in range(20)}
    files = {with_sorted_metadata(save(tensors, metadata)) for _ in range(10)}
    assert len(files) == 1
    (content,) = files
    assert int.from_bytes(content[:8], "little") % 8 == 0
    loaded = load(content)
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    path = f"{tmp_path}/net.safetensors"
    with open(path, "wb") as file:
        file.write(content)
    with safe_open(path, "pt") as opened:
        assert opened.metadata() == metadata
