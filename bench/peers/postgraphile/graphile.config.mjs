// PostGraphile serves the schema graph. PGHOST, PGUSER, PGDATABASE and POOL_SIZE come from the environment.

import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

export default {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      schemas: ["graph"],
      pubsub: false,
      poolConfig: {
        host: process.env.PGHOST,
        user: process.env.PGUSER,
        database: process.env.PGDATABASE,
        max: Number(process.env.POOL_SIZE ?? 8),
      },
    }),
  ],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
};
