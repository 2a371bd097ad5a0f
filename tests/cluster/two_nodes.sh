#!/bin/sh
# One run on two nodes of one CPU process each, both on this machine: what torchrun does on two.
#   sh tests/cluster/two_nodes.sh [overrides]
set -eu
python=${PYTHON:-python}
meet="--nnodes=2 --nproc-per-node=1 --rdzv-backend=c10d --rdzv-endpoint=localhost:${PORT:-29417}"
overrides="trainer.num_nodes=2 trainer.accelerator=cpu trainer.threads=1 $*"

# shellcheck disable=SC2086 # the overrides are split at blanks
"$python" -m torch.distributed.run $meet -m cnncompare $overrides &
"$python" -m torch.distributed.run $meet -m cnncompare $overrides
wait $!
