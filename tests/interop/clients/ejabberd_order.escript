#!/usr/bin/env escript
%% SPDX-License-Identifier: GPL-3.0-or-later
%% ejabberd_order.escript SEED IN OUT: reads answers from the file IN, a line each,
%% "PRIORITY:WEIGHT:PORT:HOST …", and writes the hosts in the order in which ejabberd's
%% xmpp_stream_out tries them to the file OUT (escript's own input and output are slow). The function
%% is not exported: the module is compiled once more from what its beam file carries, with all
%% exports.
-mode(compile).

main([Seed, In, Out]) ->
    Beam = code:which(xmpp_stream_out),
    {ok, {Module, [{abstract_code, {raw_abstract_v1, Forms}}]}} =
        beam_lib:chunks(Beam, [abstract_code]),
    {ok, Module, Code} = compile:forms(Forms, [export_all, nowarn_export_all]),
    {module, Module} = code:load_binary(Module, Beam, Code),
    rand:seed(exsss, list_to_integer(Seed)),
    {ok, Text} = file:read_file(In),
    Lines = string:lexemes(binary_to_list(Text), "\n"),
    ok = file:write_file(Out, [order(Module, Line) || Line <- Lines]).

order(Module, Line) ->
    Answers = [answer(Word) || Word <- string:lexemes(Line, " ")],
    {ok, HostPorts} = Module:h_addr_list_to_host_ports(Answers),
    [lists:join(" ", [element(1, HostPort) || HostPort <- HostPorts]), "\n"].

answer(Word) ->
    [Priority, Weight, Port, Host] = string:lexemes(Word, ":"),
    {{list_to_integer(Priority), list_to_integer(Weight), list_to_integer(Port), Host}, false}.
