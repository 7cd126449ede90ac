%% Plays histories of bare processes: each does what it is told, and writes down what it gets.
-module(conf_process).
-export([run/1]).

%% The time that steps take must not matter: what took too long is played again.
run(History) -> run(History, 50).

run(History = #{steps := Steps}, Left) ->
    put(began, now_ms()),
    put(late, false),
    Log = play_all(History),
    IsTimed = [1 || #{what := #{ms := Ms}} <- Steps, Ms > 0, Ms < 1000] =/= [],
    case IsTimed andalso Left > 0 andalso (get(late) orelse is_late()) of
        true -> run(History, Left - 1);
        false -> Log
    end.

now_ms() -> erlang:monotonic_time(millisecond).
%% Timers take 30 ms.
is_late() -> now_ms() - get(began) > 25.

play_all(#{processes := Ids, steps := Steps}) ->
    Pids = ets:new(pids, [public, ordered_set]),
    Lines = ets:new(lines, [public, ordered_set]),
    Collector = spawn_link(fun() -> collect(Pids, Lines, #{}) end),
    World = #{pids => Pids, lines => Lines, collector => Collector},
    [spawn_in(World, Id, [], self()) || Id <- Ids],
    settle(World, []),
    play(World, Steps, []),
    Log = [[Id, " ", Line] || {{Id, _, _}, Line} <- ets:tab2list(Lines)],
    Last = [[atom_to_list(Id), " at last: ", last(World, Pid)] || {{id, Id}, Pid} <- ets:tab2list(Pids)],
    end_all(Pids),
    unlink(Collector),
    exit(Collector, kill),
    [ets:delete(Table) || Table <- [Pids, Lines]],
    Log ++ lists:sort(Last).

%% A timer to a name would reach whoever has it in the next history.
end_all(Pids) ->
    [erlang:cancel_timer(Ref) || {{label, _}, Ref} <- ets:tab2list(Pids), is_reference(Ref)],
    All = [Pid || {{id, _}, Pid} <- ets:tab2list(Pids)],
    [exit(Pid, kill) || Pid <- All],
    [receive {'DOWN', Ref, _, _, _} -> ok end || Ref <- [monitor(process, Pid) || Pid <- All]].

%% Steps one after another; each comes to rest before the next.
play(_, [], _) -> ok;
play(World = #{pids := Pids}, [Step | Steps], Held) ->
    ets:update_counter(Pids, step, 1, {step, 0}),
    Now = step(World, Step, Held),
    settle(World, Now),
    play(World, Steps, Now).

step(_, #{do := wait}, Held) ->
    is_late() andalso put(late, true),
    timer:sleep(45),
    put(began, now_ms()),
    Held;
step(World, #{do := hold, who := Id}, Held) ->
    case pid(World, Id) of
        Pid when is_pid(Pid) -> Pid ! hold, [Id | Held];
        _ -> Held
    end;
step(World, #{do := release, who := Id}, Held) ->
    tell(World, Id, {control, release}),
    lists:delete(Id, Held);
step(World, #{do := tell, who := Id, what := What}, Held) ->
    tell(World, Id, case lists:member(Id, Held) of true -> {control, What}; false -> {command, What} end),
    %% What is due at once is not there at once.
    case What of #{ms := 0} -> timer:sleep(2); _ -> ok end,
    Held.

tell(World, Id, Message) ->
    case pid(World, Id) of Pid when is_pid(Pid) -> Pid ! Message; _ -> ok end.

pid(#{pids := Pids}, Id) ->
    case ets:lookup(Pids, {id, Id}) of [{_, Pid}] -> Pid; [] -> undefined end.

name(#{pids := Pids}, Pid) ->
    case ets:lookup(Pids, {pid, Pid}) of [{_, Id}] -> atom_to_list(Id); [] -> "?" end.

%% Until every process waits and has nothing to read but what it is held from, and all ends have been seen.
settle(World, Held) -> settle(World, Held, 2).

settle(_, _, 0) -> ok;
settle(World = #{pids := Pids, collector := Collector}, Held, Rounds) ->
    [erlang:yield() || _ <- lists:seq(1, 10)],
    Busy = [Pid || {{id, Id}, Pid} <- ets:tab2list(Pids), busy(Pid, lists:member(Id, Held))]
        ++ [Collector || busy(Collector, false)],
    case Busy of
        [] -> settle(World, Held, Rounds - 1);
        _ -> erlang:yield(), settle(World, Held, 2)
    end.

busy(Pid, IsHeld) ->
    case process_info(Pid, [status, message_queue_len]) of
        undefined -> false;
        [{status, waiting}, {message_queue_len, 0}] -> false;
        [{status, waiting}, _] -> not IsHeld;
        _ -> true
    end.

%% Watches from before a process does anything, so that its real exit reason is seen.
collect(Pids, Lines, Ids) ->
    receive
        {born, From, Id, Pid} ->
            monitor(process, Pid),
            From ! {watched, Pid},
            collect(Pids, Lines, Ids#{Pid => Id});
        {'DOWN', _, _, Pid, Reason} ->
            #{Pid := Id} = Ids,
            line(Pids, Lines, Id, ["ends ", conf_reasons:text(Reason, #{})]),
            collect(Pids, Lines, Ids)
    end.

%% With the step in which it happens.
line(Pids, Lines, Id, Text) ->
    Step = case ets:lookup(Pids, step) of [{_, N}] -> N; [] -> 0 end,
    ets:insert(Lines, {{atom_to_list(Id), Step, erlang:unique_integer([monotonic])}, [integer_to_list(Step), " ", Text]}).

spawn_in(World = #{pids := Pids, collector := Collector}, Id, Options, From) ->
    Body = fun() -> receive go -> loop(#{id => Id, world => World}) end end,
    {Pid, Ref} = case spawn_opt(Body, Options) of {P, R} -> {P, R}; P -> {P, none} end,
    ets:insert(Pids, [{{id, Id}, Pid}, {{pid, Pid}, Id}, {{ref, Ref}, Id}]),
    Collector ! {born, From, Id, Pid},
    receive {watched, Pid} -> ok end,
    Pid ! go.

loop(State) ->
    receive
        hold -> held(State), loop(State);
        {command, What} -> command(What, State), loop(State);
        Message -> got(Message, State), loop(State)
    end.

%% Reads nothing but what it is told; the rest waits in its mailbox.
held(State) ->
    receive
        {control, release} -> ok;
        {control, What} -> command(What, State), held(State)
    end.

got({'EXIT', Pid, Reason}, S) -> say(S, ["EXIT ", who(S, Pid), " ", reason(Reason)]);
got({'DOWN', Ref, process, _, Reason}, S) -> say(S, ["DOWN ", label(S, Ref), " ", reason(Reason)]);
got({text, Text}, S) -> say(S, ["got ", atom_to_list(Text)]).

say(#{id := Id, world := #{pids := Pids, lines := Lines}}, Text) -> line(Pids, Lines, Id, Text).
who(#{world := World}, Pid) -> name(World, Pid).
reason(Reason) -> conf_reasons:text(Reason, #{}).
label(#{world := #{pids := Pids}}, Ref) ->
    case ets:lookup(Pids, {ref, Ref}) of [{_, Label}] -> atom_to_list(Label); [] -> "?" end.

kept(#{world := #{pids := Pids}}, Label) ->
    case ets:lookup(Pids, {label, Label}) of [{_, What}] -> What; [] -> none end.
keep(#{world := #{pids := Pids}}, Label, What) -> ets:insert(Pids, [{{label, Label}, What}, {{ref, What}, Label}]).

command(Command = #{to := Id}, State = #{world := World}) ->
    case pid(World, Id) of
        undefined -> say(State, ["no ", atom_to_list(Id)]);
        Pid -> about(Command, Pid, State)
    end;
command(#{do := spawn, id := Id, how := How}, State = #{world := World}) ->
    Options = case How of link -> [link]; monitor -> [monitor]; plain -> [] end,
    spawn_in(World, Id, Options, self()),
    State;
command(#{do := trap, on := On}, _) -> process_flag(trap_exit, On);
command(#{do := die, how := return}, _) -> exit(normal);
command(#{do := die, how := raise}, _) -> error(crash);
command(#{do := die, how := exit, reason := Reason}, _) -> exit(conf_reasons:term(Reason));
command(#{do := demonitor, ref := Label, flush := Flush}, State) ->
    case kept(State, Label) of
        {Owner, Ref} when Owner =:= self() -> demonitor(Ref, [flush || Flush]);
        _ -> say(State, "no monitor")
    end;
command(#{do := 'monitorName', name := Name, ref := Label}, State) ->
    %% Nobody hears of its own end.
    case whereis(Name) =:= self() of
        true -> say(State, "itself");
        false -> keep_monitor(State, Label, monitor(process, Name))
    end;
command(#{do := 'sendName', name := Name, text := Text}, State) ->
    tried(State, "send", fun() -> Name ! {text, Text} end);
command(#{do := register, name := Name}, State) ->
    tried(State, "register", fun() -> register(Name, self()) end);
command(#{do := unregister, name := Name}, State) ->
    tried(State, "unregister", fun() -> unregister(Name) end);
command(#{do := whereis, name := Name}, State) ->
    say(State, ["whereis ", case whereis(Name) of undefined -> "nobody"; Pid -> who(State, Pid) end]);
command(#{do := 'afterName', ms := Ms, name := Name, text := Text, timer := Label}, State) ->
    tried(State, "timer", fun() -> keep(State, Label, erlang:send_after(Ms, Name, {text, Text})) end);
command(#{do := cancel, timer := Label}, State) ->
    case kept(State, Label) of
        none -> say(State, "no timer");
        Ref -> say(State, ["cancel ", case erlang:cancel_timer(Ref) of false -> "too late"; _ -> "in time" end])
    end.

about(#{do := link}, Pid, State) -> tried(State, "link", fun() -> link(Pid) end);
about(#{do := unlink}, Pid, _) -> unlink(Pid);
about(#{do := monitor, ref := Label}, Pid, State) -> keep_monitor(State, Label, monitor(process, Pid));
about(#{do := exit, reason := Reason}, Pid, _) -> exit(Pid, conf_reasons:term(Reason));
about(#{do := send, text := Text}, Pid, _) -> Pid ! {text, Text};
about(#{do := alive}, Pid, State) -> say(State, ["alive ", atom_to_list(is_process_alive(Pid))]);
about(#{do := 'after', ms := Ms, text := Text, timer := Label}, Pid, State) ->
    tried(State, "timer", fun() -> keep(State, Label, erlang:send_after(Ms, Pid, {text, Text})) end).

keep_monitor(State = #{world := #{pids := Pids}}, Label, Ref) ->
    keep(State, Label, {self(), Ref}),
    ets:insert(Pids, {{ref, Ref}, Label}).

%% What can fail: only whether it does is written down.
tried(State, What, Fun) ->
    try Fun() of _ -> say(State, [What, " ok"]) catch error:Why -> say(State, [What, " ", atom_to_list(Why)]) end.

last(World = #{collector := Collector}, Pid) ->
    case process_info(Pid, [links, monitored_by, registered_name, message_queue_len]) of
        undefined -> "gone";
        [{links, Links}, {monitored_by, By}, Registered, {message_queue_len, Waiting}] ->
            Name = case Registered of {_, []} -> "-"; {_, N} -> atom_to_list(N) end,
            Peers = lists:join(" ", lists:sort([name(World, L) || L <- Links])),
            io_lib:format("linked [~s] watched ~b named ~s waiting ~b",
                          [Peers, length([M || M <- By, M =/= Collector]), Name, Waiting])
    end.
