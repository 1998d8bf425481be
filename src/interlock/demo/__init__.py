"""The shipped demo: the real engine on pretend time, killed in the middle, and an honest report.

    props.py    what the demo is handed: pretend clock, log, workers
    story.py    plays it: starts the run, kills the plane, starts another one, waits for the end
    report.py   what came of it, read off the log alone
    show.py     how it looks: line by line in a pipe, silent; live.py: drawn on a terminal
    main.py     the demo from start to exit code

Agents, changes and the target are simulated, and the demo says so wherever it shows something.
"""
