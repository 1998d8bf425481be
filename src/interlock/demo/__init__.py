"""The shipped demo: fifteen tasks of a small shop, worked on at once in a repository of its own.

    shop.yaml      the shop as it is before, with its gates
    plan.yaml      what is asked for
    agents.yaml    what the agents do: simulated, they play this script
    project.py     these files together are the repository
    props.py       what the demo is handed: a repository, its front desk, a clock
    story.py       how the story should end, and what was different if it did not
    board.py       one row for each task, the news below; live.py draws it in place
    screen.py      styled lines, and a canvas that writes only what changed
    stage.py       where the story is shown: on a terminal, or line by line
    report.py      what came of it, in words
    main.py        the demo from its start to its exit code

The agents are simulated and the demo says so wherever it shows something. The files they write,
the boxes, the gates, the conflicts and the landings are real.
"""
