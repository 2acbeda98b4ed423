"""The code that the pages show: one package per chapter, one module per approach."""
