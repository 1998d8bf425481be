"""Real history as work: each commit is a task, and the agent applies that commit's patch.

    history.py   a range of commits, read as steps
    plans.py     steps as a plan: one after another, ordered by the paths they share, or blind
    yards.py     a throw-away repository that stands where the range begins
    proving.py   what a test command says about a tree, and whether that is worse than before
    loops.py     the shell loop that somebody would write instead: apply, test, commit
    playing.py   `interlock run` on such a plan, and what came of it
    judging.py   was the target green at each landing, is everything there, is nothing there twice

A repository that is replayed is only ever read: everything happens in clones.
"""
