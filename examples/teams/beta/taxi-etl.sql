-- Trips that cost more than 30 dollars, by the borough where they start. Fares become decimals first, so the sums are the
-- same however the work is split. The public files write their names in mixed case: hence the quotes.

CREATE EXTERNAL TABLE trips STORED AS PARQUET LOCATION 's3a://lake/taxi/trips/';
CREATE EXTERNAL TABLE zones STORED AS PARQUET LOCATION 's3a://lake/taxi/zones/';

CREATE VIEW dear_trips AS
SELECT "Borough"                                AS borough,
       CAST(fare_amount   AS DECIMAL(10, 2))    AS fare,
       CAST(trip_distance AS DECIMAL(10, 2))    AS miles
FROM trips
JOIN zones ON "LocationID" = "PULocationID"
WHERE fare_amount > 30;

-- One file with a fixed name: the same script run again replaces it.
COPY (
    SELECT borough,
           count(*)                            AS trips,
           sum(fare)                           AS fares,
           CAST(avg(fare) AS DECIMAL(10, 2))   AS mean_fare,
           CAST(avg(miles) AS DECIMAL(10, 2))  AS mean_miles
    FROM dear_trips
    GROUP BY borough
    ORDER BY borough
) TO 's3a://warehouse/taxi/by_borough/part-0.parquet' STORED AS PARQUET;

CREATE EXTERNAL TABLE by_borough STORED AS PARQUET LOCATION 's3a://warehouse/taxi/by_borough/';

SELECT borough, trips, fares, mean_fare, mean_miles
FROM by_borough
ORDER BY trips DESC, borough;
