"""Routes, certificates and the answers to 'may this request pass'."""
