"""The relay of FTPS that terminates TLS on both sides."""
