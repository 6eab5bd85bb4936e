"""A pyftpdlib server (explicit TLS, cleartext data allowed): directory address port chain key."""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer


def main() -> None:
    """Serve until killed."""
    directory, address, port, chain, key = sys.argv[1:]
    authorizer = DummyAuthorizer()
    authorizer.add_user("bblp", "Sesame42", directory, perm="elw")
    TLS_FTPHandler.authorizer = authorizer
    TLS_FTPHandler.certfile = chain
    TLS_FTPHandler.keyfile = key
    server = FTPServer((address, int(port)), TLS_FTPHandler)
    server.max_cons = 512
    server.serve_forever()


if __name__ == "__main__":
    main()
