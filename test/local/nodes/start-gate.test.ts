import { StartGate } from '../../../local/nodes/start-gate';
import { settle } from '../../support/manual-clock';

test('lets so many in, and one more for each that leaves, in order', async () => {
  const gate = new StartGate(2);
  const entered: string[] = [];
  const enter = (name: string) => gate.enter().then((leave) => (entered.push(name), leave));
  const [leaveA] = await Promise.all([enter('a'), enter('b')]);
  void enter('c');
  void enter('d');
  await settle();
  expect(entered).toEqual(['a', 'b']);
  leaveA();
  leaveA();
  await settle();
  expect(entered).toEqual(['a', 'b', 'c']);
});
