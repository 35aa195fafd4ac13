-- Large quantities beside all others of the same supplier, in two steps.

CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/lineitem/';

SELECT 'more than 45' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 45;

SELECT 'more than 40' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity > 40;
