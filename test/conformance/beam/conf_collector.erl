%% Writes down what happens in one history, in order: starts, ends, terminate callbacks, reports.
-module(conf_collector).
-export([start/1, next/3, peek/2, terminating/3, noted/2, look/1, pid_of/2, name_of/2, text_of/2, log/1, line/2]).

start(Tree) ->
    spawn(fun() -> loop(#{log => [], size => 0, counts => #{}, names => #{}, pids => #{}, alive => #{},
                          supervisors => #{}, ending => #{}, tree => Tree}) end).

%% A start function or an init has been reached; Live tells whether the process will run.
%% Answers only when the process is monitored, so that its real exit reason is seen.
next(Collector, Id, {Kind, Outcome}) -> ask(Collector, {next, Id, self(), Kind, Outcome}).

%% Which start of this id the next one is.
peek(Collector, Id) -> ask(Collector, {peek, Id}).

terminating(Collector, Reason, Tracked) -> ask(Collector, {terminating, self(), Reason, Tracked}).
noted(Collector, Text) -> ask(Collector, {noted, self(), Text}).

%% How long the log is, which supervisors live, how many are on the way out, who lives.
look(Collector) -> ask(Collector, look).
pid_of(Collector, Id) -> ask(Collector, {pid_of, Id}).
name_of(Collector, Pid) -> ask(Collector, {name_of, Pid}).
text_of(Collector, Reason) -> ask(Collector, {text_of, Reason}).
log(Collector) -> ask(Collector, log).
line(Collector, Text) -> ask(Collector, {line, Text}).

ask(Collector, Request) ->
    Ref = make_ref(),
    Collector ! {Request, self(), Ref},
    receive {Ref, Answer} -> Answer end.

loop(State) ->
    receive
        {Request, From, Ref} when is_reference(Ref), is_pid(From) ->
            {Answer, Next} = handle(Request, State),
            From ! {Ref, Answer},
            loop(Next);
        {report, Supervisor, Report} ->
            loop(write(report(Supervisor, Report, State), State));
        {'DOWN', _, process, Pid, Reason} ->
            loop(ended(Pid, Reason, State))
    end.

handle({next, Id, Pid, Kind, Outcome}, State = #{counts := Counts}) ->
    N = maps:get(Id, Counts, 0) + 1,
    Name = io_lib:format("~s#~b", [Id, N]),
    Counted = State#{counts := Counts#{Id => N}},
    Written = write(["start ", Name, " ", outcome(Outcome)], Counted),
    {N, begun(Kind, Id, Pid, Name, Written)};
handle({peek, Id}, State = #{counts := Counts}) ->
    {maps:get(Id, Counts, 0) + 1, State};
handle({terminating, Pid, Reason, Tracked}, State = #{ending := Ending}) ->
    Written = write(["term ", name(Pid, State), " ", reason(Reason, State)], State),
    {ok, case Tracked of true -> Written#{ending := Ending#{Pid => true}}; false -> Written end};
handle({noted, Pid, {Text, Reason}}, State) ->
    {ok, write([Text, " ", name(Pid, State), " ", reason(Reason, State)], State)};
handle(look, State = #{size := Size, supervisors := Supervisors, ending := Ending, alive := Alive}) ->
    {{Size, maps:keys(Supervisors), map_size(Ending), maps:keys(Alive)}, State};
handle({pid_of, Id}, State = #{pids := Pids, alive := Alive}) ->
    Pid = maps:get(Id, Pids, undefined),
    {{Pid, maps:is_key(Pid, Alive)}, State};
handle({name_of, Pid}, State) ->
    {name(Pid, State), State};
handle({text_of, Reason}, State) ->
    {reason(Reason, State), State};
handle({line, Text}, State) ->
    {ok, write(Text, State)};
handle(log, State = #{log := Log, alive := Alive}) ->
    {{lists:reverse(Log), maps:keys(Alive)}, State}.

begun(failed, _, _, _, State) ->
    State;
begun(Kind, Id, Pid, Name, State = #{names := Names, pids := Pids, alive := Alive, supervisors := Supervisors}) ->
    monitor(process, Pid),
    State#{names := Names#{Pid => Name}, pids := Pids#{Id => Pid}, alive := Alive#{Pid => true},
           supervisors := case Kind of supervisor -> Supervisors#{Pid => true}; worker -> Supervisors end}.

ended(Pid, Reason, State = #{alive := Alive, supervisors := Supervisors, ending := Ending}) ->
    Written = write(["end ", name(Pid, State), " ", reason(Reason, State)], State),
    Written#{alive := maps:remove(Pid, Alive), supervisors := maps:remove(Pid, Supervisors),
             ending := maps:remove(Pid, Ending)}.

write(Line, State = #{log := Log, size := Size}) ->
    State#{log := [Line | Log], size := Size + 1}.

name(Pid, #{names := Names}) -> maps:get(Pid, Names, "?").

report(Supervisor, Report, State) ->
    Offender = proplists:get_value(offender, Report),
    Id = proplists:get_value(id, Offender, undefined),
    Count = proplists:get_value(nb_children, Offender, none),
    Pid = case proplists:get_value(pid, Offender, none) of
              {restarting, undefined} -> "restarting -";
              {restarting, Old} -> ["restarting ", name(Old, State)];
              P when is_pid(P) -> name(P, State);
              _ -> "-"
          end,
    ["report ", name(Supervisor, State), " ", atom_to_list(proplists:get_value(errorContext, Report)), " ",
     io_lib:format("~s", [Id]), " (", reason(proplists:get_value(reason, Report), State), ") ", Pid,
     case Count of none -> ""; _ -> [" x", integer_to_list(Count)] end].

outcome([What, Detail]) -> io_lib:format("~s ~s", [What, Detail]);
outcome(What) -> atom_to_list(What).

reason(Reason, #{names := Names}) -> conf_reasons:text(Reason, Names).
