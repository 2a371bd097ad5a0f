from cnncompare.sweep.live_view import progress


def test_progress_by_hand() -> None:
    row: dict[str, float | None] = {"train_s": 50.0, "val_s": 10.0, "val_acc1": 0.5}
    assert progress([row, row], 5) == [
        "epoch 2/5  val acc 50.0 %  3 min 00 s left",
        "epoch 2/5  50.0 %",
        "epoch 2/5",
    ]
    assert progress([], 5) == ["epoch 0/5"]
    assert progress([], 0) == ["testing"]
