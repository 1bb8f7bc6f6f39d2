-- For a database of any other name.
CREATE TABLE things (id serial PRIMARY KEY, name text NOT NULL);
INSERT INTO things (name) SELECT 'thing ' || i FROM generate_series(1, 100) i;
