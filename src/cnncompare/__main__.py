"""Entry point of ``python -m cnncompare``; all classes are defined in importable modules."""

from cnncompare.cli import main

if __name__ == "__main__":
    main()
