"""TLS: certificates from files, what they say, and why a handshake failed. No sockets are opened here."""
