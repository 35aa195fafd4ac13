-- Each year's deliveries beside all others of the same supplier: some work, by quantity and then
-- year by year.

CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/lineitem/';

SELECT 'more than 0' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 0 AND a.l_quantity <= 10;

SELECT 'more than 10' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 10 AND a.l_quantity <= 20;

SELECT 'more than 20' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 20 AND a.l_quantity <= 30;

SELECT 'more than 30' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 30 AND a.l_quantity <= 40;

SELECT 'more than 40' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 40 AND a.l_quantity <= 50;

SELECT '1992' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1992-01-01' AND a.l_shipdate < DATE '1993-01-01';

SELECT '1993' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1993-01-01' AND a.l_shipdate < DATE '1994-01-01';

SELECT '1994' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1994-01-01' AND a.l_shipdate < DATE '1995-01-01';

SELECT '1995' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1995-01-01' AND a.l_shipdate < DATE '1996-01-01';

SELECT '1996' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1996-01-01' AND a.l_shipdate < DATE '1997-01-01';

SELECT '1997' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1997-01-01' AND a.l_shipdate < DATE '1998-01-01';

SELECT '1998' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1998-01-01' AND a.l_shipdate < DATE '1999-01-01';
