"""Which CNN is better for this data and this budget, by how much, and how sure is that?"""

__version__ = "0.1.0"
