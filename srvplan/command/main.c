/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan: the operator's command. Reads the command line, runs one command, and says whether
 * everything that it printed has been taken. */
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "srvplan/command/complete.h"
#include "srvplan/command/context.h"

static int command_run(const struct invocation *invocation, const struct output *output)
{
    const struct context context = {.invocation = invocation, .output = *output};
    if (invocation_has(invocation, OPTION_HELP))
        help_print(output->out, invocation->command);
    else if (invocation_has(invocation, OPTION_VERSION))
        return command_version(&context);
    else
        return command_rows[invocation->command].run(&context);
    return EXIT_FINE;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct invocation invocation;

    /* Only the character set: numbers and times read the same everywhere. */
    setlocale(LC_CTYPE, "");
    if (argc > 2 && strcmp(argv[1], "__complete") == 0) /* for shells; in no list */
        return complete_run(stdout, argc - 2, argv + 2);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, told once at the end */
    bool ok = invocation_parse(&invocation, argc, argv, &err);
    struct output output = output_for(&invocation);
    int code = ok ? command_run(&invocation, &output) : output_fail(&output, &err);
    code = output_finish(&output, code);
    invocation_fini(&invocation);
    return code;
}
