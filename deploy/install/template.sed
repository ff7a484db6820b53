# Makes emotiond@.service from emotiond.service: a configuration and a state folder for each name.
s|/etc/emotiond/emotiond\.yaml|/etc/emotiond/%i.yaml|
s|^StateDirectory=emotiond$|StateDirectory=emotiond-%i|
s|^Description=.*|& (%i)|
