import { answerSuite } from './api/answers';
import { burstSuite } from './api/burst';
import { createSuite } from './api/create';
import { diagnosticsSuite } from './api/diagnostics';
import { failureSuite } from './api/failures';
import { openApiSuite } from './api/openapi';
import { poolSuite } from './api/pools';
import { proxySuite } from './api/proxy';
import { readinessSuite } from './api/readiness';
import { roomSuite } from './api/room';
import { sandboxSuite } from './api/sandboxes';
import { useServer } from './api/server-under-test';
import { takeBackSuite } from './api/take-back';

const server = useServer();

answerSuite(server);
burstSuite(server);
roomSuite(server);
createSuite(server);
takeBackSuite(server);
sandboxSuite(server);
poolSuite(server);
diagnosticsSuite(server);
failureSuite();
readinessSuite(server);
proxySuite(server);
openApiSuite(server);
