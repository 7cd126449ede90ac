%% The same works as contestants/*.mjs, on Erlang/OTP. Reads lines "work size option" and writes one line of
%% JSON each; ends when its input does.
-module(snakepit_bench).
-behaviour(gen_server).
-export([main/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export([start_child/1, child_init/1, start_supervisor/0]).

main() ->
    %% Reports of a thousand crashes would measure the logger.
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    io:format("{\"release\":\"~s\",\"version\":\"~s\"}~n",
              [erlang:system_info(otp_release), erlang:system_info(version)]),
    serve(),
    halt(0).

serve() ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [Work | Numbers] = string:tokens(string:trim(Line), " "),
            answer(catch work(list_to_atom(Work), [list_to_integer(N) || N <- Numbers])),
            serve()
    end.

answer(Figures) when is_list(Figures) ->
    Fields = [io_lib:format("\"~s\":~w", [Name, float(Value)]) || {Name, Value} <- Figures],
    io:format("{~s}~n", [lists:join(",", Fields)]);
answer(Fault) ->
    io:format("{\"error\":\"~s\"}~n", [[C || C <- lists:flatten(io_lib:format("~0p", [Fault])), C =/= $", C =/= $\\]]).

%% Microseconds for each of so many.
per(Count, Start) ->
    erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond) / 1000 / Count.

%% Two processes and `!`: no behaviour.
work(sendPingPong, [Messages]) ->
    Me = self(),
    Play = fun Play(Received) ->
        receive
            {Peer, 0} -> Me ! {over, Received + 1}, Peer ! done;
            {Peer, Left} -> Peer ! {self(), Left - 1}, Play(Received + 1);
            done -> Me ! {over, Received}
        end
    end,
    One = spawn(fun() -> Play(0) end),
    Other = spawn(fun() -> Play(0) end),
    Start = erlang:monotonic_time(),
    %% As if the other had served.
    One ! {Other, Messages - 1},
    First = receive {over, A} -> A end,
    PerMessage = per(Messages, Start),
    Second = receive {over, B} -> B end,
    Messages = First + Second,
    [{perMessage, PerMessage}];

work(pingPong, [Messages]) -> rally(Messages, fun(Pid, Message) -> Pid ! Message end);
work(castPingPong, [Messages]) -> rally(Messages, fun gen_server:cast/2);

work(call, [Calls]) ->
    {ok, Pid} = gen_server:start(?MODULE, counter, []),
    Call = fun Call(0, Sum) -> Sum; Call(Left, _) -> Call(Left - 1, gen_server:call(Pid, {add, 1})) end,
    Start = erlang:monotonic_time(),
    Calls = Call(Calls, 0),
    PerCall = per(Calls, Start),
    gen_server:stop(Pid),
    [{perCall, PerCall}];

%% Plain processes: spawned, heard of, told to end, gone.
work(spawnPlain, [Count, Batch]) ->
    Me = self(),
    Start = erlang:monotonic_time(),
    batches(Count, Batch, fun() ->
        Spawned = [spawn_monitor(fun() -> Me ! begun, receive stop -> ok end end) || _ <- lists:seq(1, Batch)],
        [receive begun -> ok end || _ <- Spawned],
        [Pid ! stop || {Pid, _} <- Spawned],
        [receive {'DOWN', Ref, process, _, _} -> ok end || {_, Ref} <- Spawned]
    end),
    [{perProcess, per(Count, Start)}];

%% gen_servers: started and initialised, told to exit, gone.
work(spawnStop, [Count, Batch]) ->
    Start = erlang:monotonic_time(),
    batches(Count, Batch, fun() ->
        Pids = [begin {ok, Pid} = gen_server:start(?MODULE, idle, []), Pid end || _ <- lists:seq(1, Batch)],
        [exit(Pid, shutdown) || Pid <- Pids],
        Last = monitor(process, lists:last(Pids)),
        receive {'DOWN', Last, process, _, _} -> ok end
    end),
    [{perProcess, per(Count, Start)}];

work(replace, [Children, Crashes]) ->
    {Supervisor, Pids} = start_children(Children),
    Latencies = [begin
        Start = erlang:monotonic_time(),
        gen_server:cast(Pid, crash),
        receive {begun, _} -> ok end,
        per(1, Start)
    end || Pid <- lists:sublist(Pids, Crashes)],
    Children = proplists:get_value(active, supervisor:count_children(Supervisor)),
    stop_supervisor(Supervisor),
    [{p50, lists:nth(length(Latencies) div 2 + 1, lists:sort(Latencies))}];

work(storm, [Children]) ->
    {Supervisor, Pids} = start_children(Children),
    Start = erlang:monotonic_time(),
    [gen_server:cast(Pid, crash) || Pid <- Pids],
    [receive {begun, _} -> ok end || _ <- Pids],
    PerRestart = per(Children, Start),
    Children = proplists:get_value(active, supervisor:count_children(Supervisor)),
    stop_supervisor(Supervisor),
    [{perRestart, PerRestart}, {perSecond, 1.0e6 / PerRestart}];

work(startMany, [Children]) ->
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Start = erlang:monotonic_time(),
    {Supervisor, _} = start_children(Children),
    PerChild = per(Children, Start),
    [erlang:garbage_collect(Pid) || Pid <- [self(), Supervisor]],
    PerChildKb = (erlang:memory(total) - Before) / Children / 1024,
    stop_supervisor(Supervisor),
    [{perChild, PerChild}, {perChildKb, PerChildKb}];

%% One process sends to all and waits for all answers.
work(fanOut, [Rounds, Width]) ->
    Spokes = [spawn(fun Echo() -> receive stop -> ok; Hub -> Hub ! 1, Echo() end end) || _ <- lists:seq(1, Width)],
    Start = erlang:monotonic_time(),
    Answers = lists:sum([begin
        [Spoke ! self() || Spoke <- Spokes],
        lists:sum([receive One when is_integer(One) -> One end || _ <- Spokes])
    end || _ <- lists:seq(1, Rounds)]),
    PerMessage = per(Rounds * Width * 2, Start),
    Answers = Rounds * Width,
    [Spoke ! stop || Spoke <- Spokes],
    [{perMessage, PerMessage}];

%% A hub and its spokes, gen_servers all.
work(fanOutServers, [Rounds, Width]) ->
    Spokes = [begin {ok, Pid} = gen_server:start(?MODULE, echo, []), Pid end || _ <- lists:seq(1, Width)],
    {ok, Hub} = gen_server:start(?MODULE, {hub, self(), Spokes}, []),
    Start = erlang:monotonic_time(),
    [begin Hub ! ask_all, receive all_answered -> ok end end || _ <- lists:seq(1, Rounds)],
    PerMessage = per(Rounds * Width * 2, Start),
    Answered = lists:sum([element(2, sys:get_state(Pid)) || Pid <- Spokes]),
    Answered = Rounds * Width,
    [gen_server:stop(Pid) || Pid <- [Hub | Spokes]],
    [{perMessage, PerMessage}];

work(lag, [DurationMs]) ->
    Play = fun Play(Peer, N) -> receive stop -> ok; meet -> ok; Left -> Peer ! Left + 1, Play(Peer, N + 1) end end,
    One = spawn(fun() -> receive Peer when is_pid(Peer) -> Play(Peer, 0) end end),
    Other = spawn(fun() -> Play(One, 0) end),
    One ! Other,
    One ! 1,
    {ok, Listening} = gen_tcp:listen(0, [binary, {active, true}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listening),
    spawn_link(fun() -> {ok, Socket} = gen_tcp:accept(Listening), echo_socket(Socket) end),
    {ok, Client} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, true}, {packet, 0}]),
    Until = erlang:monotonic_time(millisecond) + DurationMs,
    {Late, Echoes} = tick(Client, Until, [], []),
    gen_tcp:close(Client),
    gen_tcp:close(Listening),
    exit(One, kill),
    exit(Other, kill),
    [{timerP99, p99(Late)}, {echoP99, p99(Echoes)}].

batches(Count, Batch, Work) ->
    [Work() || _ <- lists:seq(1, Count div Batch)].

p99(Figures) ->
    Sorted = lists:sort(Figures),
    lists:nth(min(length(Sorted), trunc(0.99 * length(Sorted)) + 1), Sorted).

%% A timer of 10 ms, and at each a stamp through the socket; in milliseconds.
tick(Client, Until, Late, Echoes) ->
    Due = erlang:monotonic_time(microsecond) + 10000,
    Timer = erlang:send_after(10, self(), tick),
    receive tick -> Timer end,
    Now = erlang:monotonic_time(microsecond),
    ok = gen_tcp:send(Client, <<Now:64/signed>>),
    Lateness = [(Now - Due) / 1000 | Late],
    Echo = receive {tcp, Client, <<Sent:64/signed>>} -> (erlang:monotonic_time(microsecond) - Sent) / 1000 end,
    case erlang:monotonic_time(millisecond) >= Until of
        true -> {Lateness, [Echo | Echoes]};
        false -> tick(Client, Until, Lateness, [Echo | Echoes])
    end.

echo_socket(Socket) ->
    receive
        {tcp, Socket, Data} -> gen_tcp:send(Socket, Data), echo_socket(Socket);
        {tcp_closed, Socket} -> ok
    end.

rally(Messages, Send) ->
    {ok, One} = gen_server:start(?MODULE, {player, self(), Send}, []),
    {ok, Other} = gen_server:start(?MODULE, {player, self(), Send}, []),
    gen_server:call(One, {meet, Other}),
    gen_server:call(Other, {meet, One}),
    Start = erlang:monotonic_time(),
    Send(One, {ball, Messages - 1}),
    receive over -> ok end,
    PerMessage = per(Messages, Start),
    Messages = gen_server:call(One, received) + gen_server:call(Other, received),
    [gen_server:stop(Pid) || Pid <- [One, Other]],
    [{perMessage, PerMessage}].

%% A supervisor that starts them one by one; restarts never use up its intensity.
start_children(Count) ->
    {ok, Supervisor} = start_supervisor(),
    Me = self(),
    Pids = [begin {ok, Pid} = supervisor:start_child(Supervisor, [Me]), Pid end || _ <- lists:seq(1, Count)],
    [receive {begun, Pid} -> ok end || Pid <- Pids],
    {Supervisor, Pids}.

start_supervisor() -> supervisor:start_link(?MODULE, supervisor).

stop_supervisor(Supervisor) ->
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> ok end.

start_child(Starter) -> gen_server:start_link(?MODULE, {fragile, Starter}, []).

child_init(Starter) -> Starter ! {begun, self()}.

init(supervisor) ->
    Child = #{id => child, start => {?MODULE, start_child, []}},
    {ok, {#{strategy => simple_one_for_one, intensity => 1000000000, period => 1}, [Child]}};
init({fragile, Starter}) ->
    child_init(Starter),
    {ok, 0};
init(counter) -> {ok, 0};
init(idle) -> {ok, 0};
init(echo) -> {ok, {echo, 0}};
init({hub, Starter, Spokes}) -> {ok, {hub, Starter, Spokes, 0, 0}};
init({player, Starter, Send}) -> {ok, {player, Starter, Send, undefined, 0}}.

handle_call({add, More}, _From, Sum) -> {reply, Sum + More, Sum + More};
handle_call({meet, Peer}, _From, State) -> {reply, ok, setelement(4, State, Peer)};
handle_call(received, _From, State) -> {reply, element(5, State), State}.

handle_cast(crash, _State) -> error(crash);
handle_cast({ball, Left}, State) -> ball(Left, State).

handle_info({ball, Left}, State) -> ball(Left, State);
handle_info(ask_all, {hub, Starter, Spokes, _, _}) ->
    [Spoke ! self() || Spoke <- Spokes],
    {noreply, {hub, Starter, Spokes, 0, length(Spokes)}};
handle_info(1, {hub, Starter, Spokes, Answers, Wanted}) ->
    Answers + 1 =:= Wanted andalso (Starter ! all_answered),
    {noreply, {hub, Starter, Spokes, Answers + 1, Wanted}};
handle_info(Hub, {echo, Answered}) when is_pid(Hub) ->
    Hub ! 1,
    {noreply, {echo, Answered + 1}}.

ball(Left, {player, Starter, Send, Peer, Received}) ->
    case Left of
        0 -> Starter ! over;
        _ -> Send(Peer, {ball, Left - 1})
    end,
    {noreply, {player, Starter, Send, Peer, Received + 1}}.
