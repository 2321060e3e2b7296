/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan completion: the script that makes a shell ask `srvplan __complete` (complete.h) for what
 * may come next. The scripts know no command and no option: the program that is asked is the one on
 * the command line, so that they never disagree with it. */
#include <string.h>

#include "srvplan/command/context.h"

/* bash splits words at "=" and ":" and replaces only what is behind the last of them. */
static const char bash[] =
    "# bash completion for srvplan. To use it, put this into\n"
    "# ~/.local/share/bash-completion/completions/srvplan, or: source <(srvplan completion bash)\n"
    "_srvplan() {\n"
    "    local i line word rest=$COMP_LINE program files=no\n"
    "    local -a words=()\n"
    "    COMPREPLY=()\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if ((i > 0)) && [[ $rest != [[:space:]]* ]]; then\n"
    "            words[${#words[@]} - 1]+=$word\n"
    "        else\n"
    "            rest=${rest#\"${rest%%[![:space:]]*}\"}\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "        rest=${rest#\"$word\"}\n"
    "    done\n"
    "    program=${words[0]/#\\~\\//$HOME/}\n"
    "    ((${#words[@]} > 1)) || words+=('')\n"
    "    word=${words[${#words[@]} - 1]}\n"
    "    local keep=${word%\"${word##*[=:]}\"}\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            files=yes\n"
    "        else\n"
    "            line=${line%%$'\\t'*}\n"
    "            COMPREPLY+=(\"${line#\"$keep\"}\")\n"
    "        fi\n"
    "    done < <(\"$program\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
    "    if [[ $files == yes ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "    fi\n"
    "    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=:/,] ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "    fi\n"
    "}\n"
    "complete -F _srvplan srvplan\n";

static const char zsh[] =
    "#compdef srvplan\n"
    "# zsh completion for srvplan. To use it, put this as _srvplan into a folder of $fpath, or:\n"
    "# source <(srvplan completion zsh)\n"
    "_srvplan() {\n"
    "    local line program=${(Q)words[1]}\n"
    "    local -a lines whole open whole_shown open_shown\n"
    "    lines=(\"${(@f)$(\"${program/#\\~\\//$HOME/}\" __complete \"${(@Q)words[2,CURRENT]}\" "
    "2>/dev/null)}\")\n"
    "    for line in $lines; do\n"
    "        [[ -z $line || $line == :files ]] && continue\n"
    "        if [[ ${line%%$'\\t'*} == *[=:/,] ]]; then\n"
    "            open+=(\"${line%%$'\\t'*}\")\n"
    "            open_shown+=(\"${line/$'\\t'/  -- }\")\n"
    "        else\n"
    "            whole+=(\"${line%%$'\\t'*}\")\n"
    "            whole_shown+=(\"${line/$'\\t'/  -- }\")\n"
    "        fi\n"
    "    done\n"
    "    (($#whole)) && compadd -l -d whole_shown -a whole\n"
    "    (($#open)) && compadd -S '' -l -d open_shown -a open\n"
    "    (($#whole + $#open))\n"
    "}\n"
    "if [[ ${funcstack[1]} == _srvplan ]]; then\n"
    "    _srvplan \"$@\"\n"
    "else\n"
    "    compdef _srvplan srvplan\n"
    "fi\n";

static const char fish[] =
    "# fish completion for srvplan. To use it, put this into\n"
    "# ~/.config/fish/completions/srvplan.fish, or: srvplan completion fish | source\n"
    "function __srvplan_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l program $words[1]\n"
    "    set -e words[1]\n"
    "    $program __complete $words (commandline -ct) 2>/dev/null | string match -v ':files'\n"
    "end\n"
    "complete -c srvplan -f -a '(__srvplan_complete)'\n";

static const struct {
    const char *name;
    const char *script;
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

int command_completion(const struct context *context)
{
    const char *wanted = context->invocation->operands[0];
    struct error err = {0};
    for (size_t i = 0; i < COUNT_OF(shells); i++) {
        if (strcmp(shells[i].name, wanted) != 0)
            continue;
        fputs(shells[i].script, context->output.out);
        return EXIT_FINE;
    }
    error_set(&err, ERROR_USAGE, "completion '%.60s': expected %s", wanted,
              command_rows[COMMAND_COMPLETION].operands);
    return output_fail(&context->output, &err);
}
