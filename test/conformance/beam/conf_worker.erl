%% A child that does what its script says at each start and on request.
-module(conf_worker).
-behaviour(gen_server).
-export([start_link/2, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

start_link(Collector, Node = #{id := Id, by := function}) ->
    Outcome = outcome(conf_collector:peek(Collector, Id), Node),
    case Outcome of
        startRaise -> failed(Collector, Id, Outcome), error(crash);
        [startExit, Reason] -> failed(Collector, Id, Outcome), exit(conf_reasons:term(Reason));
        startJunk -> failed(Collector, Id, Outcome), junk;
        [thenStop, Reason] ->
            {ok, Pid} = gen_server:start_link(?MODULE, {Collector, Node}, []),
            Ref = monitor(process, Pid),
            Pid ! {finish, stop, Reason},
            receive {'DOWN', Ref, _, _, _} -> {ok, Pid} end;
        _ -> gen_server:start_link(?MODULE, {Collector, Node}, [])
    end;
start_link(Collector, Node = #{name := none}) ->
    gen_server:start_link(?MODULE, {Collector, Node}, []);
start_link(Collector, Node = #{name := Name}) ->
    gen_server:start_link({local, Name}, ?MODULE, {Collector, Node}, []).

init({Collector, Node = #{id := Id, temper := Temper}}) ->
    process_flag(trap_exit, Temper =/= plain),
    case outcome(conf_collector:peek(Collector, Id), Node) of
        ignore -> failed(Collector, Id, ignore), ignore;
        [stop, Reason] -> failed(Collector, Id, [stop, Reason]), {stop, conf_reasons:term(Reason)};
        [exit, Reason] -> failed(Collector, Id, [exit, Reason]), exit(conf_reasons:term(Reason));
        raise -> failed(Collector, Id, raise), error(crash);
        junk -> failed(Collector, Id, junk), junk;
        [killing, Other] -> begun(Collector, Id, [killing, Other]), kill(Collector, Other), {ok, {Collector, Node}};
        [thenStop, Reason] -> begun(Collector, Id, [thenStop, Reason]), {ok, {Collector, Node}};
        ok -> begun(Collector, Id, ok), {ok, {Collector, Node}}
    end.

outcome(N, #{starts := Starts}) when N =< length(Starts) -> lists:nth(N, Starts);
outcome(_, _) -> ok.

begun(Collector, Id, Outcome) -> conf_collector:next(Collector, Id, {worker, Outcome}).
failed(Collector, Id, Outcome) -> conf_collector:next(Collector, Id, {failed, Outcome}).

handle_call(echo, _, State) -> {reply, echo, State};
handle_call(wait, _, State) -> {noreply, State};
handle_call(leave, _, State) -> {stop, normal, left, State};
handle_call(crash, _, _) -> error(crash);
handle_call(Request, _, State) -> {stop, {unexpected, Request}, State}.
handle_cast(Request, State) -> {stop, {unexpected, Request}, State}.

handle_info({finish, How, Reason}, State) ->
    put(finishing, true),
    finish(How, Reason, State);
handle_info(unlink, State) ->
    unlink(hd(get('$ancestors'))),
    {noreply, State};
handle_info({'EXIT', _, Reason}, State = {Collector, _}) ->
    conf_collector:noted(Collector, {"info", Reason}),
    {noreply, State}.

finish(stop, Reason, State) -> {stop, conf_reasons:term(Reason), State};
finish(exit, Reason, _) -> exit(conf_reasons:term(Reason));
finish(raise, _, _) -> error(crash);
finish(junk, _, _) -> junk.

terminate(Reason, {Collector, #{temper := Temper, lastWill := LastWill}}) ->
    conf_collector:terminating(Collector, Reason, Temper =/= hanging),
    %% Only while its supervisor waits for it: else they would race.
    LastWill =/= none andalso Reason =:= shutdown andalso get(finishing) =:= undefined
        andalso kill(Collector, LastWill),
    case Temper of
        hanging -> receive never -> ok end;
        slow -> timer:sleep(3);
        [contrary, Other] -> exit(conf_reasons:term(Other));
        _ -> ok
    end.

%% Kills another child, if it lives, and waits until it is gone. One of an earlier life of their supervisor is ending
%% anyhow: they would race.
kill(Collector, Id) ->
    case conf_collector:pid_of(Collector, Id) of
        {Pid, true} when Pid =/= self() -> kill_sibling(Pid, process_info(Pid, dictionary));
        _ -> ok
    end.

kill_sibling(Pid, {dictionary, Dictionary}) ->
    case hd(proplists:get_value('$ancestors', Dictionary)) =:= hd(get('$ancestors')) of
        true ->
            Ref = monitor(process, Pid),
            exit(Pid, kill),
            receive {'DOWN', Ref, _, _, _} -> ok end;
        false ->
            ok
    end;
kill_sibling(_, undefined) ->
    ok.
