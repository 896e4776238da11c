import { setPatience } from '../support/waiting';

/** Containers take longer than processes to start, and many files of tests share one node. */
setPatience(6);
jest.setTimeout(300_000);
