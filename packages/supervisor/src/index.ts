export { supervisorMachine } from './supervisor.machine.ts';
export { restartIntensityMachine } from './restart-intensity.machine.ts';
