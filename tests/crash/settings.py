"""The settings of the runs whose calls are broken."""

TRAINING = (
    "model=lenet5",
    "data=digits",
    "data.image_size=32",
    "data.limit_train=64",
    "data.limit_test=50",
    "data.batch_size=32",
    "data.workers=0",
    "trainer.max_epochs=2",
    "trainer.threads=1",
    "trainer.accelerator=cpu",
    "display=minimal",
)
