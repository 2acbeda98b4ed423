"""What the pages say of measurements: run by `make parity`, never by `make test`."""
