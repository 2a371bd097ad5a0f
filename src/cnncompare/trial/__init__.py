"""Claims of the classic papers, each run and judged by ``cnncompare trial``."""
