CREATE TABLE IF NOT EXISTS sensors (
    id    text PRIMARY KEY,
    unit  text NOT NULL,
    value double precision NOT NULL,
    at    timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS readings (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor text NOT NULL REFERENCES sensors (id) ON DELETE CASCADE,
    value  double precision NOT NULL,
    at     timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS readings_of_sensor ON readings (sensor, id DESC);
CREATE INDEX IF NOT EXISTS readings_by_age ON readings (at);

CREATE TABLE IF NOT EXISTS plugins (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL UNIQUE,
    description   text NOT NULL,
    callback      text,
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS results (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plugin  uuid NOT NULL REFERENCES plugins (id) ON DELETE CASCADE,
    summary text NOT NULL,
    level   text NOT NULL,
    sensor  text,
    value   double precision,
    at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS results_of_plugin ON results (plugin, id DESC);
CREATE INDEX IF NOT EXISTS results_by_age ON results (at);
