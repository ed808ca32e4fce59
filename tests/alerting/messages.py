"""CAP messages for tests that break them: every element of the standard stands in one of them."""

CAP_12 = "urn:oasis:names:tc:emergency:cap:1.2"

RING = (
    "30.250000,120.100000 30.260000,120.150000 30.280000,120.150000 30.270000,120.100000 30.250000,120.100000"
)

MESSAGE = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="{CAP_12}">
    <identifier>CN_2</identifier>
    <sender>w@x.example</sender>
    <sent>2026-07-20T11:00:00+08:00</sent>
    <status>Actual</status>
    <msgType>Update</msgType>
    <source>gauge</source>
    <scope>Public</scope>
    <code>profile-1</code>
    <references>w@x.example,CN_1,2026-07-20T10:00:00+08:00</references>
    <incidents>flood--river-01</incidents>
    <info><!-- zh -->
        <language>zh-CN</language>
        <category>Met</category>
        <event>洪水</event>
        <responseType>Evacuate</responseType>
        <urgency>Immediate</urgency>
        <severity>Severe</severity>
        <certainty>Observed</certainty>
        <audience>沿河居民</audience>
        <eventCode><valueName>hazard</valueName><value>flood</value></eventCode>
        <effective>2026-07-20T11:00:00+08:00</effective>
        <onset>2026-07-20T12:00:00+08:00</onset>
        <expires>2026-07-20T23:00:00+08:00</expires>
        <senderName>临江区</senderName>
        <headline>下溪洪水橙色预警</headline>
        <description>河水上涨</description>
        <instruction>转移群众</instruction>
        <web>https://x.example/2</web>
        <contact>+86 571</contact>
        <parameter><valueName>colour</valueName><value>橙色</value></parameter>
        <resource>
            <resourceDesc>map</resourceDesc>
            <mimeType>image/png</mimeType>
            <size>1024</size>
            <uri>map.png</uri>
            <digest>00</digest>
        </resource>
        <area>
            <areaDesc>下溪村</areaDesc>
            <polygon>{RING}</polygon>
            <circle>30.26,120.12 5.5</circle>
            <geocode><valueName>GB/T 2260</valueName><value>330199</value></geocode>
            <altitude>10</altitude>
            <ceiling>2000</ceiling>
        </area>
    </info>
    <info><!-- en -->
        <language>en-US</language>
        <category>Met</category><!-- en -->
        <event>Flood</event>
        <urgency>Immediate</urgency><!-- en -->
        <severity>Extreme</severity>
        <certainty>Observed</certainty><!-- en -->
        <eventCode><valueName>hazard</valueName><value>flood</value><!-- en --></eventCode>
        <expires>2026-07-20T22:00:00+08:00</expires>
        <headline>Orange flood warning: Xiaxi</headline>
        <description>The river rises</description>
        <area>
            <areaDesc>Xiaxi village</areaDesc>
        </area>
    </info>
</alert>
"""

PREDECESSOR = f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="{CAP_12}">
    <identifier>CN_1</identifier>
    <sender>w@x.example</sender>
    <sent>2026-07-20T10:00:00+08:00</sent>
    <status>Actual</status>
    <msgType>Alert</msgType>
    <scope>Public</scope>
    <info>
        <category>Met</category>
        <event>Flood</event>
        <urgency>Immediate</urgency>
        <severity>Moderate</severity>
        <certainty>Observed</certainty>
        <expires>2026-07-20T22:00:00+08:00</expires>
        <area>
            <areaDesc>Xiaxi village</areaDesc>
        </area>
    </info>
</alert>
"""
