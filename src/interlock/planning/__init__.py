"""From a plan document to a validated plan, or a list of faults; and what follows from a plan.

    document.py   bytes -> Plan, or every fault
      source.py     bytes -> nodes with line numbers (yaml_text, json_text, composer, nodes)
      fields.py     one mapping of the document -> typed values
      entries.py    what tasks, groups and affinity rules look like
      checks.py     what refers to what, and circles
    graph.py      order, levels, critical path, remaining minutes
      network.py    the events of a plan and what waits for what; cycles.py finds circles in it
    forecast.py   when each task would start and finish
    overview.py   the dry run, for programs and for people
    schema.py     the shape of a plan file as JSON Schema

A worked example. This plan is refused with one fault, in line 4: "task 'b' depends on 'c', which is
no task of this plan", and how to mend it. With `[a]` instead, b starts when a has landed.

    goal: Log in
    tasks:
      - {id: a, title: Table of users}
      - {id: b, title: Page to log in, depends_on: [c]}
"""
