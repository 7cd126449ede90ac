import { Registry, type ActorSystem, type RegistryOptions, type SystemOptions } from '../index.ts';
import { probe, quietSystem } from '../probe.fixture.ts';

/** A system with a registry `r` and two probes that do not trap exits. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the types of the probes are inferred
export async function startRegistry(
  options: Partial<RegistryOptions> = {},
  systemOptions: SystemOptions = {},
) {
  const system = quietSystem(systemOptions);
  const registry = await Registry.start(system, { name: 'r', keys: 'unique', ...options });
  const a = await system.start(probe, {});
  const b = await system.start(probe, {});
  return { system, registry, a, b, partitions: () => partitionsOf(system) };
}

/** The processes that those registered are linked to, in order of their start. */
function partitionsOf(system: ActorSystem) {
  return [...system.processes()].filter(({ label }) => label === 'registryPartition');
}
