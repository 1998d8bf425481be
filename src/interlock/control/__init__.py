"""The front desk: what people and programs may ask, and the documents they get."""
