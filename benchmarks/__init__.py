"""What we claim about speed, measured: `python -m benchmarks NAME --json`.

Each benchmark is one document; everything in it that has a reference is measured beside it in the
same run. A miss stays in the document with a sentence that says why.
"""
