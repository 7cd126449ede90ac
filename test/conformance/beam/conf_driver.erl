%% Runs histories on real supervisors: one term a line comes in, the log goes out, then a line "done".
-module(conf_driver).
-export([main/0, log/2]).

main() ->
    preload(),
    logger:set_primary_config(level, error),
    logger:add_handler(conformance, ?MODULE, #{}),
    logger:remove_handler(default),
    io:format("ready ~s~n", [erlang:system_info(otp_release)]),
    serve().

%% A module that is loaded when it is first used would make its user wait, unseen.
preload() ->
    [code:ensure_loaded(Module)
     || App <- [kernel, stdlib], ok <- [loaded(application:load(App))],
        {ok, Modules} <- [application:get_key(App, modules)], Module <- Modules],
    [code:ensure_loaded(Module) || Module <- [conf_collector, conf_reasons, conf_supervisor, conf_worker, conf_process]].

loaded(ok) -> ok;
loaded({error, {already_loaded, _}}) -> ok.

serve() ->
    case io:get_line("") of
        eof ->
            halt(0);
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, History} = erl_parse:parse_term(Tokens),
            {Runner, Ref} = spawn_monitor(fun() -> exit({log, run(History)}) end),
            receive
                {'DOWN', Ref, _, Runner, {log, Log}} -> io:put_chars([[[L, $\n] || L <- Log], "done\n"]);
                {'DOWN', Ref, _, Runner, Fault} -> io:format("fault ~0p~ndone~n", [Fault])
            end,
            serve()
    end.

%% The logger's handler: it runs in the supervisor that reports.
log(#{msg := {report, #{label := {supervisor, _}, report := Report}}}, _) ->
    case get(collector) of
        undefined -> ok;
        Collector -> Collector ! {report, self(), Report}
    end;
log(_, _) ->
    ok.

run(History = #{processes := _}) ->
    conf_process:run(History);
run(#{tree := Tree, steps := Steps}) ->
    process_flag(trap_exit, true),
    Collector = conf_collector:start(Tree),
    conf_collector:line(Collector, "step start"),
    Started = conf_supervisor:start_link(Collector, Tree),
    settle(Collector, none),
    conf_collector:line(Collector, ["> ", answer(Collector, start_link, Started)]),
    lists:foldl(fun(Step, N) ->
                    conf_collector:line(Collector, ["step ", integer_to_list(N)]),
                    Answers = step(Collector, Step),
                    settle(Collector, none),
                    [conf_collector:line(Collector, ["> ", A]) || A <- collect(Answers) ++ queried(Collector)],
                    N + 1
                end, 1, Steps),
    finish(Collector, Tree),
    {Log, Alive} = conf_collector:log(Collector),
    [exit(Pid, kill) || Pid <- Alive],
    [receive {'DOWN', Ref, _, _, _} -> ok end || Ref <- [monitor(process, Pid) || Pid <- Alive]],
    exit(Collector, kill),
    Log.

%% Looks at every supervisor that lives, then ends the tree as its parent.
finish(Collector, Tree = #{id := Root}) ->
    conf_collector:line(Collector, "step end"),
    [conf_collector:line(Collector, ["> ", A])
     || #{id := Id} <- supervisors(Tree), {_, true} <- [conf_collector:pid_of(Collector, Id)],
        Call <- [which_children, count_children],
        A <- collect(step(Collector, #{do => call, call => Call, on => Id}))],
    {Pid, Lives} = conf_collector:pid_of(Collector, Root),
    Lives andalso exit(Pid, shutdown),
    settle(Collector, none),
    [conf_collector:line(Collector, ["> ", A]) || A <- queried(Collector)].

supervisors(Node = #{children := Children}) -> [Node | lists:append([supervisors(C) || C <- Children])];
supervisors(Node = #{kind := dynamic}) -> [Node];
supervisors(_) -> [].

%% Does one step; gives functions that bring the answers of its calls.
step(Collector, #{do := hold, on := Id, steps := Steps, kind := Kind}) ->
    case conf_collector:pid_of(Collector, Id) of
        {Pid, true} -> hold(Collector, Pid, {Id, Kind}, Steps);
        _ -> [fun() -> "nobody" end]
    end;
step(Collector, #{do := suspend, on := Id, steps := Steps}) ->
    case conf_collector:pid_of(Collector, Id) of
        {Pid, true} ->
            ok = sys:suspend(Pid, infinity),
            Answers = lists:append([begin A = step(Collector, Step), settle(Collector, Pid), A end || Step <- Steps]),
            %% It may have been stopped meanwhile.
            catch sys:resume(Pid, infinity),
            Answers;
        _ -> [fun() -> "nobody" end]
    end;
step(Collector, #{do := query, id := Id, how := How}) ->
    case conf_collector:pid_of(Collector, Id) of
        {undefined, _} -> [fun() -> "nobody" end];
        {Pid, _} -> query(Pid, How, ["query ", atom_to_list(Id), " ", atom_to_list(How)]), []
    end;
step(Collector, #{do := call, on := Id} = Step) ->
    case conf_collector:pid_of(Collector, Id) of
        {undefined, _} -> [fun() -> "nobody" end];
        {Pid, _} -> [ask(Collector, call_of(Collector, Pid, Step), mark(Collector, Step, name_of(Step)))]
    end;
step(Collector, #{do := What, id := Id} = Step) ->
    case conf_collector:pid_of(Collector, Id) of
        {Pid, true} -> act(What, Pid, Step), [];
        _ -> [fun() -> "nobody" end]
    end.

act(finish, Pid, #{how := How, reason := Reason}) -> Pid ! {finish, How, Reason};
act(signal, Pid, #{reason := Reason}) -> exit(Pid, conf_reasons:term(Reason));
act(unlink, Pid, _) -> Pid ! unlink;
act(junk, Pid, #{how := message}) -> Pid ! junk;
act(junk, Pid, #{how := cast}) -> gen_server:cast(Pid, junk);
act(junk, Pid, #{how := call}) -> spawn(fun() -> catch gen_server:call(Pid, junk, infinity) end).

name_of(Step = #{on := On, call := Call}) -> [atom_to_list(On), " ", atom_to_list(Call), about(Step)].

about(#{child := #{id := Id}}) -> [" ", atom_to_list(Id)];
about(#{id := Id}) -> [" ", atom_to_list(Id)];
about(_) -> "".

%% Which answer it gets differs where the target is dead, see differences.ts. Looked at when all is quiet.
mark(Collector, #{call := terminate_child, kind := dynamic, id := Id}, Name) ->
    {Target, _} = conf_collector:pid_of(Collector, Id),
    fun() -> case is_pid(Target) andalso not is_process_alive(Target) of true -> [Name, " (dead)"]; false -> Name end end;
mark(_, _, Name) ->
    fun() -> Name end.

call_of(Collector, Pid, #{call := start_child, kind := supervisor, child := Node}) ->
    {start_child, fun() -> supervisor:start_child(Pid, conf_supervisor:spec(Collector, Node)) end};
call_of(_, Pid, #{call := start_child, kind := dynamic, child := Node}) ->
    {start_member, fun() -> supervisor:start_child(Pid, [Node]) end};
call_of(Collector, Pid, #{call := terminate_child, kind := dynamic, id := Id}) ->
    case conf_collector:pid_of(Collector, Id) of
        {undefined, _} -> {terminate_child, fun() -> nobody end};
        {Child, _} -> {terminate_child, fun() -> supervisor:terminate_child(Pid, Child) end}
    end;
call_of(_, Pid, #{call := Call, id := Id}) -> {Call, fun() -> supervisor:Call(Pid, Id) end};
call_of(_, Pid, #{call := Call}) -> {Call, fun() -> supervisor:Call(Pid) end}.

ask(Collector, {Call, Fun}, Name) ->
    Runner = self(),
    Ref = make_ref(),
    spawn(fun() ->
              Answer = try Fun() catch exit:{Reason, {gen_server, call, _}} -> {exit, Reason} end,
              Runner ! {Ref, Answer}
          end),
    fun() -> receive {Ref, Answer} -> [Name(), ": ", answer(Collector, Call, Answer)] end end.

collect(Answers) -> [Answer() || Answer <- Answers].

%% Calls a child; the answer may come much later, or be the child's end.
query(Pid, How, Name) ->
    Runner = self(),
    spawn(fun() ->
              Answer = try gen_server:call(Pid, How, infinity) catch exit:{Reason, {gen_server, call, _}} -> {exit, Reason} end,
              Runner ! {queried, Name, Answer}
          end).

%% What calls of children have brought by now; callers of one child are told in no order.
queried(Collector) -> lists:sort([lists:flatten(Line) || Line <- arrived(Collector)]).

arrived(Collector) ->
    receive
        {queried, Name, {exit, Reason}} -> [[Name, ": exit ", text(Collector, Reason)] | arrived(Collector)];
        {queried, Name, Answer} -> [[Name, ": ", atom_to_list(Answer)] | arrived(Collector)]
    after 0 -> []
    end.

%% Holds a supervisor in the start of a child that will decline; meanwhile its messages queue up.
hold(Collector, Pid, {Id, Kind}, Steps) ->
    Runner = self(),
    Ref = make_ref(),
    Start = case Kind of
                dynamic -> fun() -> supervisor:start_child(Pid, [{gate, Runner, Ref}]) end;
                supervisor -> fun() -> supervisor:start_child(Pid, #{id => gate, restart => temporary,
                                  start => {conf_supervisor, gate, [Runner, Ref]}}) end
            end,
    Answer = ask(Collector, {start_child, Start}, fun() -> [atom_to_list(Id), " hold"] end),
    receive {held, Ref, Pid} -> ok end,
    Answers = [begin A = step(Collector, Step), settle(Collector, Pid), A end || Step <- Steps],
    Pid ! {open, Ref},
    [Answer | lists:append(Answers)].

%% Waits until nothing moves: each supervisor answers, nobody is on the way out, and the log has stopped growing.
settle(Collector, Held) -> settle(Collector, Held, -1, 3).

settle(_, _, _, 0) -> ok;
settle(Collector, Held, Before, Rounds) ->
    {_, Supervisors, _, _} = conf_collector:look(Collector),
    [catch gen_server:call(Pid, which_children, infinity) || Pid <- Supervisors, Pid =/= Held],
    [erlang:yield() || _ <- lists:seq(1, 20)],
    {Size, _, Ending, Alive} = conf_collector:look(Collector),
    Busy = [Pid || Pid <- Alive, process_info(Pid, status) =/= {status, waiting}],
    if
        Busy =/= [] -> erlang:yield(), settle(Collector, Held, -1, 3);
        Ending > 0 -> timer:sleep(1), settle(Collector, Held, -1, 3);
        Size =:= Before -> settle(Collector, Held, Size, Rounds - 1);
        true -> settle(Collector, Held, Size, 3)
    end.

answer(Collector, _, {exit, Reason}) -> ["exit ", text(Collector, Reason)];
answer(Collector, which_children, List) ->
    Shown = [[" ", text_of_id(Id), " ", shown(Collector, Child), " ", atom_to_list(Type), ";"] || {Id, Child, Type, _} <- List],
    ["[", Shown, " ]"];
answer(_, _, ok) -> "ok";
answer(_, _, nobody) -> "nobody";
answer(_, _, {ok, undefined}) -> "ok undefined";
answer(Collector, _, {ok, Pid}) when is_pid(Pid) -> ["ok ", conf_collector:name_of(Collector, Pid)];
answer(_, get_childspec, {ok, #{id := Id, restart := R, shutdown := S, type := T, significant := Sig}}) ->
    io_lib:format("ok ~s ~s ~p ~s ~s", [Id, R, S, T, Sig]);
answer(_, count_children, Counts) ->
    io_lib:format("specs ~b active ~b supervisors ~b workers ~b",
                  [proplists:get_value(K, Counts) || K <- [specs, active, supervisors, workers]]);
answer(_, _, {error, Known}) when Known =:= not_found; Known =:= running; Known =:= restarting;
                                   Known =:= already_present; Known =:= simple_one_for_one ->
    ["error ", atom_to_list(Known)];
answer(Collector, Call, {error, {already_started, Pid}}) when Call =/= start_link ->
    ["error already_started ", conf_collector:name_of(Collector, Pid)];
answer(_, start_child, {error, {bad_combination, _}}) -> "error bad_combination";
answer(Collector, start_child, {error, {Reason, {child, _, _, _, _, _, _, _, _}}}) -> failed(Collector, Reason);
answer(Collector, start_link, {error, Reason}) -> ["error ", text(Collector, Reason)];
answer(Collector, _, {error, Reason}) -> failed(Collector, Reason).

failed(Collector, Reason) -> ["error start_failed ", text(Collector, Reason)].

text(Collector, Reason) -> conf_collector:text_of(Collector, Reason).

text_of_id(undefined) -> "-";
text_of_id(Id) -> atom_to_list(Id).

shown(Collector, Pid) when is_pid(Pid) -> conf_collector:name_of(Collector, Pid);
shown(_, Status) -> atom_to_list(Status).
