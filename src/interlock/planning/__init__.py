"""From a plan document to a validated plan, or a list of faults; and what follows from a plan.

    document.py   bytes -> Plan, or every fault
      source.py     bytes -> nodes with line numbers (yaml_text, json_text, composer, nodes)
      fields.py     one mapping of the document -> typed values
      entries.py    what tasks, groups and affinity rules look like
      checks.py     what refers to what, and circles
    importers/    documents that teams write anyway -> the same plan, or every fault
    asking.py     a goal in words -> a question; the document in what was answered
    graph.py      order, levels, critical path, remaining minutes
      network.py    the events of a plan and what waits for what; cycles.py finds circles in it
    forecast.py   when each task would start and finish, were every estimate true
    outlook.py    what it will take most likely, and why
      history.py    what attempts of the past let us expect of a task
      montecarlo.py the run rehearsed many times with dice; spread.py makes guesses and dice
    profiles.py   which agent profile was good enough at a kind of work, and costs least
    overview.py   the dry run, for programs and for people
    schema.py     the shape of a plan file as JSON Schema
    writing.py    a plan -> the plan file that reads back to it
    without.py    a plan file without its entries of some names, else as it was written

A worked example. This plan is refused with one fault, in line 4: "task 'b' depends on 'c', which is
no task of this plan", and how to mend it. With `[a]` instead, b starts when a has landed.

    goal: Log in
    tasks:
      - {id: a, title: Table of users}
      - {id: b, title: Page to log in, depends_on: [c]}
"""
