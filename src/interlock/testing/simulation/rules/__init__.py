"""What must hold in every history: small questions to the books, asked of every fact.

A rule gets the books as they stand before the fact and answers with a sentence; nothing means that
all is well. The rules are written from what was promised, not from how the flows keep it.
"""
