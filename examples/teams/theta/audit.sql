-- A month's deliveries beside all others of the same supplier.

CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/lineitem/';

SELECT '1995-06' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_shipdate >= DATE '1995-06-01' AND a.l_shipdate < DATE '1995-07-01';
