"""Settings: what an operator may choose, where each choice came from, and the private files of one machine.

``declaration`` says what a setting is · ``sections``, ``bounds`` and ``alerts`` declare them · ``settings`` gathers
them · ``values`` reads one value · ``toml_file`` and ``environment`` read one source · ``loading`` joins the sources ·
``checks`` looks at the whole · ``reference`` writes the example file and the documentation from the declarations.
Beside them: ``paths`` (where files live) and ``secrets_file`` (files that nobody else may read).
"""
