"""llmlb completion"""

from __future__ import annotations

from typing import Annotated

import typer

from llmlb_cli.completing import FILES, SHELLS
from llmlb_cli.exits import usage
from llmlb_cli.output import write
from llmlb_cli.suggestions import did_you_mean

BASH = f"""\
_llmlb() {{
    local IFS=$'\\n'
    COMPREPLY=($("$1" __complete bash "${{COMP_LINE:0:COMP_POINT}}" 2>/dev/null))
    if [[ ${{COMPREPLY[0]}} == {FILES} ]]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
    elif [[ ${{COMPREPLY[0]}} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}}
complete -o nosort -F _llmlb llmlb 2>/dev/null || complete -F _llmlb llmlb
"""

ZSH = f"""\
#compdef llmlb
_llmlb() {{
    local -a found
    found=("${{(@f)$("${{words[1]}}" __complete zsh "${{(@)words[1,CURRENT]}}" 2>/dev/null)}}")
    if [[ ${{found[1]}} == {FILES} ]]; then
        _files
    elif [[ -n ${{found[1]}} ]]; then
        _describe -V llmlb found
    fi
}}
if [[ ${{funcstack[1]}} == _llmlb ]]; then
    _llmlb "$@"
else
    compdef _llmlb llmlb
fi
"""

FISH = f"""\
function __llmlb
    set -l current (commandline -ct)
    set -l found (llmlb __complete fish (commandline -opc) "$current" 2>/dev/null)
    if test "$found[1]" = {FILES}
        __fish_complete_path "$current"
    else if test (count $found) -gt 0
        printf '%s\\n' $found
    end
end
complete -c llmlb -f -a '(__llmlb)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print the script that teaches a shell to complete llmlb: commands, options, and the router's own node ids.

    Put one of these lines into the shell's start-up file. approve offers pending nodes only, drain those that work;
    with the router away it offers what it knows without it.

    Examples:
      eval "$(llmlb completion bash)"
      source <(llmlb completion zsh)
      llmlb completion fish > ~/.config/fish/completions/llmlb.fish
    """
    if shell not in SCRIPTS:
        raise usage(
            f'there is no completion for "{shell}"', hint=did_you_mean(shell, SHELLS) or f"for {', '.join(SHELLS)}"
        )
    write(SCRIPTS[shell])
