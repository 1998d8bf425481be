"""Plans out of documents that teams write anyway: OpenSpec changes, Spec Kit features, issues.

    shelf.py      what was named -> its files, bounded, nothing from outside the repository
    folio.py      several files as one document: every fault names its file and line
    markdown.py   lines that count, headings, tick boxes
    order.py      sections, steps and notes -> what waits for what
    wording.py    titles and prompts within their limits
    openspec.py   a change: its tasks, its proposal, its spec deltas
    speckit.py    a feature: its phases, its stories, its files
    issues.py     a folder of Markdown: query.py says which files, front_matter.py reads one,
                  labels.py says what labels mean
    paths.py      paths that a sentence names
    reading.py    files -> a checked plan with notes, or every fault

Each importer is a plain function from texts to tasks with line numbers; what those say of one
another is then checked as in a plan file.

A worked example. `openspec/changes/add-login/tasks.md` says

    ## 1. Server
    - [x] 1.1 Table of users
    - [ ] 1.2 Endpoint to log in
    - [ ] 1.3 Page to log in

which becomes the tasks `1-2` and `1-3`; `1-3` waits for `1-2`, and a note says that one is done.
"""
