"""Takes files from slicers over implicit FTPS into custody: what got its 226 cannot be lost any more."""
