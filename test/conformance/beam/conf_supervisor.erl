%% A supervisor of a history's tree, and the start functions of its children.
-module(conf_supervisor).
-behaviour(supervisor).
-export([start_link/2, init/1, spec/2, start_dynamic/2, gate/2]).

start_link(Collector, Node) -> supervisor:start_link(?MODULE, {Collector, Node}).

init({Collector, Node = #{id := Id}}) ->
    put(collector, Collector),
    conf_collector:next(Collector, Id, {supervisor, ok}),
    {ok, {flags(Node), children(Collector, Node)}}.

flags(#{kind := dynamic, intensity := Intensity}) ->
    #{strategy => simple_one_for_one, intensity => Intensity, period => 3600};
flags(#{strategy := Strategy, intensity := Intensity, auto := Auto}) ->
    #{strategy => Strategy, intensity => Intensity, period => 3600, auto_shutdown => Auto}.

children(Collector, #{kind := dynamic, template := #{restart := Restart, shutdown := Shutdown}}) ->
    [#{id => member, start => {?MODULE, start_dynamic, [Collector]}, restart => Restart, shutdown => Shutdown}];
children(Collector, #{children := Children}) ->
    [spec(Collector, Child) || Child <- Children].

spec(Collector, Node = #{id := Id, kind := Kind, restart := Restart, shutdown := Shutdown, significant := Significant}) ->
    #{id => Id, restart => Restart, shutdown => Shutdown, significant => Significant,
      type => case Kind of worker -> worker; _ -> supervisor end,
      start => case Kind of
                   worker -> {conf_worker, start_link, [Collector, Node]};
                   _ -> {?MODULE, start_link, [Collector, Node]}
               end}.

start_dynamic(_, {gate, Runner, Ref}) -> gate(Runner, Ref);
start_dynamic(Collector, Node) -> conf_worker:start_link(Collector, Node).

%% Holds the supervisor that calls it, until told to go on; leaves no child behind.
gate(Runner, Ref) ->
    Runner ! {held, Ref, self()},
    receive {open, Ref} -> ignore end.
