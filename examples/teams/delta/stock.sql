-- Small quantities beside each other, of the same supplier.

CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/lineitem/';

SELECT 'at most 10' AS part, count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_quantity <= 10
  AND b.l_quantity <= 10;
