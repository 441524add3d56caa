"""The query language: parsed once into one AST, compiled for MongoDB and for memory. No input or output."""
