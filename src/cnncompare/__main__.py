"""``python -m cnncompare``: nothing but the call, so that every class has an importable home."""

from cnncompare.cli import main

if __name__ == "__main__":
    main()
