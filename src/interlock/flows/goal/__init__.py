"""A goal in words: one attempt that only reads makes a plan of it, which is checked like any other.

    order.py     who is asked, and the run of one task that asks
    judging.py   the answer -> a plan, or what is wrong with it, told so that it can be mended
    copying.py   the copy of a refused answer, without what only a person may say in a plan

It is a run like any other, so its attempts have leases, boxes, limits and logs, and a crash is a
crash of any run. Its task is judged by reading its document instead of by gates, and lands nothing.
What the plan says is then carried out by a run of its own.
"""
