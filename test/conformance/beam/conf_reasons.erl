%% Exit reasons as they are written in histories and logs; reasons.ts is the same table for our side.
-module(conf_reasons).
-export([term/1, text/2]).

%% The reason that a word in a history stands for.
term('{shutdown,x}') -> {shutdown, x};
term('{shutdown,a,b}') -> {shutdown, a, b};
term('{normal,x}') -> {normal, x};
term('"shutdown"') -> "shutdown";
term('{kill,x}') -> {kill, x};
term('{shutdown,{x,y}}') -> {shutdown, {x, y}};
term('[]') -> [];
term('42') -> 42;
term(Word) -> Word.

%% How a reason is written.
text({shutdown, {failed_to_start_child, Id, Reason}}, Names) ->
    ["{shutdown,failed_to_start_child ", atom_to_list(Id), " (", text(Reason, Names), ")}"];
text({already_started, Pid}, Names) -> ["already_started ", maps:get(Pid, Names, "?")];
text({bad_return_value, _}, _) -> "bad_return";
text({bad_return, _}, _) -> "bad_return";
text({'EXIT', Reason}, Names) -> ["EXIT ", text(Reason, Names)];
text({function_clause, [{supervisor, handle_call, _, _} | _]}, _) -> "bad_call";
text({function_clause, [{supervisor, handle_cast, _, _} | _]}, _) -> "bad_cast";
text({Error, [{_, _, _, _} | _]}, _) -> ["error ", io_lib:format("~0p", [Error])];
text(Atom, _) when is_atom(Atom) -> atom_to_list(Atom);
text(Term, _) -> io_lib:format("~0p", [Term]).
