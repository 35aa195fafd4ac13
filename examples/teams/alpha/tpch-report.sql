-- What suppliers sell to customers of their own nation, by nation, in each region in 1994 (after TPC-H query 5).
-- Amounts are decimals, so the sums are the same however the work is split.

CREATE EXTERNAL TABLE region   STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/region/';
CREATE EXTERNAL TABLE nation   STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/nation/';
CREATE EXTERNAL TABLE supplier STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/supplier/';
CREATE EXTERNAL TABLE customer STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/customer/';
CREATE EXTERNAL TABLE orders   STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/orders/';
CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/lineitem/';

CREATE VIEW local_sales AS
SELECT r_name                               AS region,
       n_name                               AS nation,
       o_orderkey                           AS order_key,
       l_extendedprice * (1 - l_discount)   AS amount
FROM lineitem
JOIN orders   ON o_orderkey = l_orderkey
JOIN customer ON c_custkey = o_custkey
JOIN supplier ON s_suppkey = l_suppkey AND s_nationkey = c_nationkey
JOIN nation   ON n_nationkey = s_nationkey
JOIN region   ON r_regionkey = n_regionkey
WHERE o_orderdate >= DATE '1994-01-01'
  AND o_orderdate <  DATE '1995-01-01';

-- One file with a fixed name: the same script run again replaces it.
COPY (
    SELECT region,
           nation,
           count(DISTINCT order_key)            AS orders,
           CAST(sum(amount) AS DECIMAL(15, 2))  AS revenue
    FROM local_sales
    GROUP BY region, nation
    ORDER BY region, nation
) TO 's3a://output/tpch-report/local_sales.parquet' STORED AS PARQUET;

CREATE EXTERNAL TABLE report STORED AS PARQUET LOCATION 's3a://output/tpch-report/';

SELECT region, nation, orders, revenue
FROM report
WHERE region IN ('ASIA', 'EUROPE')
ORDER BY region, revenue DESC, nation;
